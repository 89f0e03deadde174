"""What is underneath: this machine and its containers, looked at from time to time, kept as series, told as health."""
