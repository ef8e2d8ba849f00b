"""Lists of alerts: what is asked for, and what is found."""
