"""Every message, typed and versioned."""
