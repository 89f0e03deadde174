"""Microsoft Azure, asked over Resource Manager with Azure's own credentials and pipeline: `pip install
'trimtab[azure]'`."""
