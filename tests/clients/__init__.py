"""Real registry clients with what the service hands out."""
