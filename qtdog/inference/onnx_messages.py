"""The part of ONNX's file format that our graphs use, as protocol buffer messages.

Field numbers are those of onnx.proto (ONNX, Apache-2.0). What is not declared here (subgraphs,
functions, sparse tensors, training) is an unknown field, by which a foreign file is told. The
package onnx itself is needed to make graphs, not to read them.
"""

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

FLOAT, INT64 = 1, 7
"""Types of a tensor's numbers."""
NUMBERS = {1: 4, 6: 4, 7: 8, 9: 1}
"""Bytes of one number: float32, int32, int64, bool."""
EXTERNAL = 1
"""Where a tensor's numbers are, when they are not in the file."""

_SCHEMA = {
    "Entry": ("key:1:string", "value:2:string"),
    "Tensor": (
        *("dims:1:int64*", "data_type:2:int32", "name:8:string", "raw_data:9:bytes"),
        *("external_data:13:Entry*", "data_location:14:int32"),
    ),
    "Attribute": (
        *("name:1:string", "f:2:float", "i:3:int64", "s:4:bytes", "t:5:Tensor"),
        *("floats:7:float*", "ints:8:int64*", "type:20:int32"),
    ),
    "Node": (
        *("input:1:string*", "output:2:string*", "name:3:string", "op_type:4:string"),
        *("attribute:5:Attribute*",),
    ),
    "Dimension": ("dim_value:1:int64", "dim_param:2:string"),
    "Shape": ("dim:1:Dimension*",),
    "TensorType": ("elem_type:1:int32", "shape:2:Shape"),
    "Type": ("tensor_type:1:TensorType",),
    "Value": ("name:1:string", "type:2:Type"),
    "Graph": (
        *("node:1:Node*", "name:2:string", "initializer:5:Tensor*"),
        *("input:11:Value*", "output:12:Value*"),
    ),
    "Operators": ("domain:1:string", "version:2:int64"),
    "Model": (
        *("ir_version:1:int64", "graph:7:Graph", "opset_import:8:Operators*"),
        *("metadata_props:14:Entry*",),
    ),
}


def _model_class() -> type:
    field_type = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name="qtdog_onnx.proto", package="qtdog_onnx", syntax="proto2"
    )
    for message, fields in _SCHEMA.items():
        declared = file.message_type.add(name=message)
        for text in fields:
            name, number, kind = text.split(":")
            field = declared.field.add(name=name, number=int(number))
            repeated = kind.endswith("*")
            field.label = field_type.LABEL_REPEATED if repeated else field_type.LABEL_OPTIONAL
            kind = kind.rstrip("*")
            if kind in _SCHEMA:
                field.type, field.type_name = field_type.TYPE_MESSAGE, f".qtdog_onnx.{kind}"
            else:
                field.type = getattr(field_type, f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("qtdog_onnx.Model"))


Model: Any = _model_class()
"""ModelProto, as far as it is declared here."""


def canonical(model: Any) -> bytes:
    """The file of a model: the only bytes that stand for it."""
    model.DiscardUnknownFields()
    return model.SerializeToString(deterministic=True)
