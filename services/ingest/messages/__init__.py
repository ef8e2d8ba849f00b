"""From the bytes of a message to rows or rejections, and to the receipt. PURE."""
