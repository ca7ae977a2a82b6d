"""Who may do what, who is to be told, and how people outside are addressed."""
