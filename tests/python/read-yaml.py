"""Reads a JSON list of YAML texts on stdin as YAML 1.1 and writes a JSON list of what each says.

A key that is no text becomes {"$key": its type}; a value JSON cannot hold becomes {"$type": its type}.
"""

import json
import sys

import yaml


def shown(value):
    if isinstance(value, dict):
        if all(isinstance(key, str) for key in value):
            return {key: shown(entry) for key, entry in value.items()}
        return {"$key": sorted({type(key).__name__ for key in value})}
    if isinstance(value, list):
        return [shown(item) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return {"$type": type(value).__name__}


def read(text):
    try:
        return shown(yaml.load(text, Loader=yaml.SafeLoader))
    except yaml.YAMLError as error:
        return {"$error": str(error)}


json.dump([read(text) for text in json.load(sys.stdin)], sys.stdout)
