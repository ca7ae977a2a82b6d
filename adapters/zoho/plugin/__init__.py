"""What is installed inside Zoho CRM: a panel (widget), a script on saving orders, functions, and their packing."""
