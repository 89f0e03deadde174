"""Stores of logs and traces beside the own one: asked side by side with it, each where a question names it."""
