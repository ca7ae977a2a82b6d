"""What adapters and the connector hand one another beside the ports themselves (``connector.adapter``)."""
