"""Amazon Web Services, asked with botocore (what boto3 is made of): `pip install 'trimtab[aws]'`."""
