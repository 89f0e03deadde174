"""Every index of every watched system: looked at now and then, judged when somebody asks."""
