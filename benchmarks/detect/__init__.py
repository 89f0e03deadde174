"""Streaming anomaly detection: NAB with its own scorer, calibration on clean data, what is found how soon, speed."""
