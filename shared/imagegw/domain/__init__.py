"""The rules of the gateway, as plain code that does no I/O."""
