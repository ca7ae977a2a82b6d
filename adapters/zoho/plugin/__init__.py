"""What is installed inside Zoho CRM: a panel, a script on saving orders, functions, and their packing."""
