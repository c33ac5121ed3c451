"""Publishing: from a review to what is to be written about it."""
