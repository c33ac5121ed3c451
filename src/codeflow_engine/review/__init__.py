"""The stages of a review, one verb a file: functions from values to values."""
