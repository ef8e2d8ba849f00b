"""What a device under test does, held against the device maker's guide (`docs/devices.md`, section 9)."""
