"""``python -m napari_leukocyte``: the command line."""

from napari_leukocyte.cli.main import main

if __name__ == "__main__":
    main()
