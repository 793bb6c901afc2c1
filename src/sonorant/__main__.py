"""`python -m sonorant`, which launchers such as torchrun take: the `sonorant` command."""

from sonorant.cli import main

if __name__ == "__main__":
    main()
