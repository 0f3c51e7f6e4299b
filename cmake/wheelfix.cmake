# For the ROS 2 wheels from PyPI only (`./run` passes it as CMAKE_PROJECT_INCLUDE); an apt ROS 2 needs none of it.
#
# Their exported *__rosidl_generator_py targets name the Python and NumPy include directories of the machine that built
# the wheels: drop those that do not exist. Our own such target names NumPy's directory in .venv, and CMake refuses to
# export a path inside the source tree: keep it to the build. Runs after every find_package() and before the checks
# of the generate step.
function(_enet_ros_wheelfix)
  get_property(targets DIRECTORY "${CMAKE_SOURCE_DIR}" PROPERTY IMPORTED_TARGETS)
  foreach(target IN LISTS targets)
    if(target MATCHES "__rosidl_generator_py$")
      get_target_property(directories ${target} INTERFACE_INCLUDE_DIRECTORIES)
      set(existing "")
      foreach(directory IN LISTS directories)
        if(IS_DIRECTORY "${directory}")
          list(APPEND existing "${directory}")
        endif()
      endforeach()
      set_target_properties(${target} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${existing}")
    endif()
  endforeach()

  set(own ${PROJECT_NAME}__rosidl_generator_py)
  get_target_property(directories ${own} INTERFACE_INCLUDE_DIRECTORIES)
  if(directories)
    set_target_properties(${own} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "$<BUILD_INTERFACE:${directories}>")
  endif()
endfunction()
cmake_language(DEFER DIRECTORY "${CMAKE_SOURCE_DIR}" CALL _enet_ros_wheelfix)
