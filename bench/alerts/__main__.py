"""Run the benchmark."""

from bench.alerts.run import main

if __name__ == "__main__":
    main()
