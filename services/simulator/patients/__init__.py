"""The simulated patients: pumps, handhelds, and what happens to them."""
