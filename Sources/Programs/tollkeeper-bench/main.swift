// tollkeeper-bench
