"""`python -m captionkit`."""

from captionkit.cli.app import main

if __name__ == "__main__":
    main()
