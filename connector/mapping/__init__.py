"""From the vendors' fields and files to ours, and back."""
