"""Who a request comes from: sessions of browsers, keys of programs, and the pages by which people sign in."""
