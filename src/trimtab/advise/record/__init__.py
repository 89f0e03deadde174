"""What was predicted and measured so far corrects what is predicted next."""
