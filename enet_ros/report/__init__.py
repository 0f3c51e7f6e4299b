"""Scores and latencies as one HTML page with pictures, which needs no network and no other file."""
