"""Small trained or parameter-free modules that the site runs in the reader's browser."""
