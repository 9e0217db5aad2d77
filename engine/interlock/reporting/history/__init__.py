"""What gates said over a stretch of time, as text and as pictures, one small module a format."""
