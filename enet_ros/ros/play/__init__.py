"""Sources as cameras, and bags as they were recorded."""
