"""The C structures and signatures of libclang's interface, as ctypes wants them.

Only what `clang_c` uses is declared. It does not model what libclang owns behind the opaque words.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, Structure, c_char_p, c_int, c_longlong, c_uint, c_ulonglong, c_void_p
from typing import Any


class CXString(Structure):
    """A string owned by libclang."""

    _fields_ = (("data", c_void_p), ("flags", c_uint))


class Cursor(Structure):
    """A node of clang's syntax tree: `kind` is libclang's number, `data` identifies the node."""

    _fields_ = (("kind", c_int), ("xdata", c_int), ("data", c_void_p * 3))
    kind: int


class CXType(Structure):
    """A type of clang's: `kind` is libclang's number."""

    _fields_ = (("kind", c_int), ("data", c_void_p * 2))
    kind: int


class Location(Structure):
    """A place in the source, opaque."""

    _fields_ = (("data", c_void_p * 2), ("offset", c_uint))


class Range(Structure):
    """Two places in the source, opaque."""

    _fields_ = (("data", c_void_p * 2), ("begin", c_uint), ("end", c_uint))
    begin: int
    end: int


class Ranges(Structure):
    """A list of ranges owned by libclang."""

    _fields_ = (("count", c_uint), ("ranges", POINTER(Range)))
    count: int
    ranges: Any


class Unsaved(Structure):
    """Contents of a file given in memory."""

    _fields_ = (("name", c_char_p), ("contents", c_char_p), ("length", ctypes.c_ulong))


VISITOR = ctypes.CFUNCTYPE(c_int, Cursor, Cursor, c_void_p)
FIELD_VISITOR = ctypes.CFUNCTYPE(c_int, Cursor, c_void_p)
INCLUSION_VISITOR = ctypes.CFUNCTYPE(None, c_void_p, POINTER(Location), c_uint, c_void_p)

SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "clang_getCString": (c_char_p, [CXString]),
    "clang_disposeString": (None, [CXString]),
    "clang_createIndex": (c_void_p, [c_int, c_int]),
    "clang_disposeIndex": (None, [c_void_p]),
    "clang_parseTranslationUnit2": (
        c_int,
        [c_void_p, c_char_p, POINTER(c_char_p), c_int, POINTER(Unsaved), c_uint, c_uint, POINTER(c_void_p)],
    ),
    "clang_disposeTranslationUnit": (None, [c_void_p]),
    "clang_getTranslationUnitCursor": (Cursor, [c_void_p]),
    "clang_visitChildren": (c_uint, [Cursor, VISITOR, c_void_p]),
    "clang_Type_visitFields": (c_uint, [CXType, FIELD_VISITOR, c_void_p]),
    "clang_getInclusions": (None, [c_void_p, INCLUSION_VISITOR, c_void_p]),
    "clang_equalCursors": (c_uint, [Cursor, Cursor]),
    "clang_getCursorSpelling": (CXString, [Cursor]),
    "clang_getCursorDisplayName": (CXString, [Cursor]),
    "clang_getCursorUSR": (CXString, [Cursor]),
    "clang_getCursorPrettyPrinted": (CXString, [Cursor, c_void_p]),
    "clang_getCursorReferenced": (Cursor, [Cursor]),
    "clang_getCursorDefinition": (Cursor, [Cursor]),
    "clang_getCanonicalCursor": (Cursor, [Cursor]),
    "clang_getCursorSemanticParent": (Cursor, [Cursor]),
    "clang_getSpecializedCursorTemplate": (Cursor, [Cursor]),
    "clang_getCursorExtent": (Range, [Cursor]),
    "clang_getCursorLocation": (Location, [Cursor]),
    "clang_getSkippedRanges": (POINTER(Ranges), [c_void_p, c_void_p]),
    "clang_disposeSourceRangeList": (None, [POINTER(Ranges)]),
    "clang_getRangeStart": (Location, [Range]),
    "clang_getRangeEnd": (Location, [Range]),
    "clang_getExpansionLocation": (
        None,
        [Location, POINTER(c_void_p), POINTER(c_uint), POINTER(c_uint), POINTER(c_uint)],
    ),
    "clang_Location_isFromMainFile": (c_int, [Location]),
    "clang_Location_isInSystemHeader": (c_int, [Location]),
    "clang_getFileName": (CXString, [c_void_p]),
    "clang_getCursorType": (CXType, [Cursor]),
    "clang_getCursorResultType": (CXType, [Cursor]),
    "clang_getCanonicalType": (CXType, [CXType]),
    "clang_getPointeeType": (CXType, [CXType]),
    "clang_getElementType": (CXType, [CXType]),
    "clang_getArraySize": (c_longlong, [CXType]),
    "clang_getResultType": (CXType, [CXType]),
    "clang_getNumArgTypes": (c_int, [CXType]),
    "clang_getArgType": (CXType, [CXType, c_uint]),
    "clang_Type_getValueType": (CXType, [CXType]),
    "clang_Type_getSizeOf": (c_longlong, [CXType]),
    "clang_getTypeSpelling": (CXString, [CXType]),
    "clang_getTypeDeclaration": (Cursor, [CXType]),
    "clang_getEnumDeclIntegerType": (CXType, [Cursor]),
    "clang_isVolatileQualifiedType": (c_uint, [CXType]),
    "clang_isConstQualifiedType": (c_uint, [CXType]),
    "clang_Type_getNumTemplateArguments": (c_int, [CXType]),
    "clang_Type_getTemplateArgumentAsType": (CXType, [CXType, c_uint]),
    "clang_Cursor_getNumTemplateArguments": (c_int, [Cursor]),
    "clang_Cursor_getTemplateArgumentKind": (c_int, [Cursor, c_uint]),
    "clang_Cursor_getTemplateArgumentType": (CXType, [Cursor, c_uint]),
    "clang_Cursor_getTemplateArgumentValue": (c_longlong, [Cursor, c_uint]),
    "clang_Cursor_getNumArguments": (c_int, [Cursor]),
    "clang_getNumOverloadedDecls": (c_uint, [Cursor]),
    "clang_getOverloadedDecl": (Cursor, [Cursor, c_uint]),
    "clang_Cursor_getArgument": (Cursor, [Cursor, c_uint]),
    "clang_Cursor_Evaluate": (c_void_p, [Cursor]),
    "clang_EvalResult_getKind": (c_int, [c_void_p]),
    "clang_EvalResult_getAsLongLong": (c_longlong, [c_void_p]),
    "clang_EvalResult_isUnsignedInt": (c_uint, [c_void_p]),
    "clang_EvalResult_getAsUnsigned": (c_ulonglong, [c_void_p]),
    "clang_EvalResult_dispose": (None, [c_void_p]),
    "clang_getEnumConstantDeclValue": (c_longlong, [Cursor]),
    "clang_getEnumConstantDeclUnsignedValue": (c_ulonglong, [Cursor]),
    "clang_getFieldDeclBitWidth": (c_int, [Cursor]),
    "clang_Cursor_isBitField": (c_uint, [Cursor]),
    "clang_Cursor_getOffsetOfField": (c_longlong, [Cursor]),
    "clang_Cursor_isAnonymousRecordDecl": (c_uint, [Cursor]),
    "clang_Cursor_isAnonymous": (c_uint, [Cursor]),
    "clang_Cursor_getStorageClass": (c_int, [Cursor]),
    "clang_getCursorLinkage": (c_int, [Cursor]),
    "clang_Cursor_hasAttrs": (c_uint, [Cursor]),
    "clang_Cursor_isDynamicCall": (c_int, [Cursor]),
    "clang_Cursor_getVarDeclInitializer": (Cursor, [Cursor]),
    "clang_Cursor_hasVarDeclGlobalStorage": (c_int, [Cursor]),
    "clang_getCursorBinaryOperatorKind": (c_int, [Cursor]),
    "clang_getCursorUnaryOperatorKind": (c_int, [Cursor]),
    "clang_getOverriddenCursors": (None, [Cursor, POINTER(POINTER(Cursor)), POINTER(c_uint)]),
    "clang_disposeOverriddenCursors": (None, [POINTER(Cursor)]),
    "clang_CXXMethod_isStatic": (c_uint, [Cursor]),
    "clang_CXXMethod_isVirtual": (c_uint, [Cursor]),
    "clang_CXXMethod_isDefaulted": (c_uint, [Cursor]),
    "clang_CXXMethod_isCopyAssignmentOperator": (c_uint, [Cursor]),
    "clang_CXXMethod_isMoveAssignmentOperator": (c_uint, [Cursor]),
    "clang_CXXConstructor_isCopyConstructor": (c_uint, [Cursor]),
    "clang_CXXConstructor_isMoveConstructor": (c_uint, [Cursor]),
    "clang_CXXConstructor_isDefaultConstructor": (c_uint, [Cursor]),
    "clang_isInvalidDeclaration": (c_uint, [Cursor]),
    "clang_getNumDiagnostics": (c_uint, [c_void_p]),
    "clang_getDiagnostic": (c_void_p, [c_void_p, c_uint]),
    "clang_disposeDiagnostic": (None, [c_void_p]),
    "clang_getDiagnosticSeverity": (c_int, [c_void_p]),
    "clang_getDiagnosticLocation": (Location, [c_void_p]),
    "clang_getDiagnosticSpelling": (CXString, [c_void_p]),
    "clang_getFile": (c_void_p, [c_void_p, c_char_p]),
    "clang_getFileContents": (c_void_p, [c_void_p, c_void_p, POINTER(ctypes.c_size_t)]),
}
