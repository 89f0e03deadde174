"""PromQL over columns: parse, plan, evaluate; native histograms; the test scripts of Prometheus."""
