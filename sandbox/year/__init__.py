"""A simulated year: an economy that lives through days, with customers that go bad in ten known ways."""
