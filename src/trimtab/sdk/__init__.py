"""The Python face: the seed's classes, thin doors onto app."""
