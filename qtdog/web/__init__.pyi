from .folder import FOLDER as FOLDER
