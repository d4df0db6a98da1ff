"""`python -m featurizer` is the same program as `featurizer`."""

from featurizer.cli.app import main

main()
