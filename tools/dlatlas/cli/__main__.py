import sys

from dlatlas.cli import main

sys.exit(main())
