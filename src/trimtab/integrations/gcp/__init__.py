"""Google Cloud, asked over its REST APIs with Google's own credentials and transport: `pip install 'trimtab[gcp]'`."""
