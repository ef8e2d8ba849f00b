"""The processes of Pumpwatch, and what they share."""
