"""The API's documents: what is kept, as JSON with all fields that GitHub has."""
