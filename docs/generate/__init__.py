"""Makes the reference pages from the code, so that they cannot say anything else: `make docs`.

A page is either made as a whole, or has blocks between `<!-- generated: NAME -->` and `<!-- end -->`.
`tests/docs` fails where a file is not what would be made now.
"""
