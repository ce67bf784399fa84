"""What the site's figures show, computed with the reference implementations.

Each module has ``data()``, which takes no argument, draws every random number from a seed of its own and returns plain
data; ``dlatlas figures run`` stores it.
"""
