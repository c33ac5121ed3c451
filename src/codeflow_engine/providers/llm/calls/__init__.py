"""What every provider of models needs for its calls: keys, waits, and errors of our tree."""
