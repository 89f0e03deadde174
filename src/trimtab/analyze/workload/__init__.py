"""What the statements of a system will be: their load by template, ahead."""
