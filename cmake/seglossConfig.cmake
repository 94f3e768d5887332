# find_package(segloss CONFIG) gives segloss::static and segloss::shared, those that are installed, and
# segloss::segloss: the kind that BUILD_SHARED_LIBS asks for, or the only one there is.
# Nothing here is written at installation: paths follow from this file's place, PREFIX/share/cmake/segloss, so that
# a prefix can be moved.
if(TARGET segloss::segloss)
  return()
endif()

function(_segloss_import kind file)
  get_filename_component(prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
  foreach(directory "lib/${CMAKE_LIBRARY_ARCHITECTURE}" lib lib64)
    if(EXISTS "${prefix}/${directory}/${file}" AND NOT TARGET segloss::${kind})
      string(TOUPPER ${kind} type)
      add_library(segloss::${kind} ${type} IMPORTED)
      set_target_properties(segloss::${kind} PROPERTIES
        IMPORTED_LOCATION "${prefix}/${directory}/${file}" INTERFACE_INCLUDE_DIRECTORIES "${prefix}/include")
    endif()
  endforeach()
endfunction()
_segloss_import(static ${CMAKE_STATIC_LIBRARY_PREFIX}segloss${CMAKE_STATIC_LIBRARY_SUFFIX})
if(UNIX)
  _segloss_import(shared ${CMAKE_SHARED_LIBRARY_PREFIX}segloss${CMAKE_SHARED_LIBRARY_SUFFIX})
endif()

if(TARGET segloss::static OR TARGET segloss::shared)
  add_library(segloss::segloss INTERFACE IMPORTED)
  if(TARGET segloss::shared AND (BUILD_SHARED_LIBS OR NOT TARGET segloss::static))
    target_link_libraries(segloss::segloss INTERFACE segloss::shared)
  else()
    target_link_libraries(segloss::segloss INTERFACE segloss::static)
  endif()
else()
  set(segloss_FOUND FALSE)
  set(segloss_NOT_FOUND_MESSAGE "no library in lib, lib64 or lib/${CMAKE_LIBRARY_ARCHITECTURE}, seen from share/cmake/segloss")
endif()
