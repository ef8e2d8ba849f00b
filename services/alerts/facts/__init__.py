"""What is known of a pump: the facts that every rule judges by."""
