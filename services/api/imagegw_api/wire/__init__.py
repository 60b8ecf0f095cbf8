"""What deployed clients expect, byte for byte."""
