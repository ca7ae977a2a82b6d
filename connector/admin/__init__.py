"""What an admin does: setting up an installation, its connections and mappings, and keeping it whole."""
