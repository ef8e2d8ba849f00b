"""Who is on call: its pages, its forms and its API, on top of services/people/rota/."""
