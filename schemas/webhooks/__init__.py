"""What Pumpwatch sends to programs: signed webhooks (docs/webhooks.md)."""
